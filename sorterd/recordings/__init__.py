"""What lies on a disk and can be looked at: pictures, folders of them, videos. No clock here."""

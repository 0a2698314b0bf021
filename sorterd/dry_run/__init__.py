"""The dry run: the real road between a simulated belt, or a recording, and simulated gates."""

from sorterd.dry_run.run import DryRun, DryRunFault

__all__ = ["DryRun", "DryRunFault"]

"""TEMP."""


def check_filmable(path): ...


class Filming:
    def __init__(self, *a, **k): ...

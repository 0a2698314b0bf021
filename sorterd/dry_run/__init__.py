"""The dry run: the real road between a simulated belt, or a recording, and simulated gates."""

from typing import Final

from sorterd.dry_run.outputs import OutputFault
from sorterd.dry_run.run import DryRun, DryRunFault
from sorterd.simulation.photos import PhotoFault
from sorterd.simulation.report import ReportFault

FAULTS: Final = (DryRunFault, OutputFault, PhotoFault, ReportFault)
"""What `DryRun.run` raises where its arguments, or the files they name, cannot work."""

__all__ = ["FAULTS", "DryRun", "DryRunFault"]

"""Serve the console on one address until the process is told to stop."""

import os
import socket
from contextlib import suppress

import uvicorn

from sorterd.console.app import build_app
from sorterd.console.state import Station
from sorterd.ports import DeviceUnavailable
from sorterd.service.notify import Notifier


def serve(station: Station, address: str, port: int, notifier: Notifier) -> None:
    """Answer until SIGTERM or Ctrl-C.

    Raises:
        DeviceUnavailable: The address cannot be had.
    """
    with _listening(address, port) as listener:
        app = build_app(station)
        # Whoever asks from now on is answered, though it may have to wait for a moment.
        notifier.ready(f"page and metrics on {address} port {port}")
        server = uvicorn.Server(
            # Its own log would say each request, and set up logging anew.
            uvicorn.Config(app, log_config=None, log_level="warning", access_log=False)
        )
        with suppress(KeyboardInterrupt):  # it gives the signal on once it has closed in order
            server.run(sockets=[listener])


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        # Its own words repeat the address; a name that is none has no number.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise DeviceUnavailable(
            f"console: {address} port {port} cannot be had ({why}); give another --port,"
            " or an --address that is this machine's"
        ) from error

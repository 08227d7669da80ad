"""The web server: gunicorn with threads around the application."""

from __future__ import annotations

import logging
import socket
import struct
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from epntap.answer.admission import threads_for
from epntap.db.pool import Database
from epntap.errors import SetupError
from epntap.logs import start_log
from epntap.settings import Settings
from voserver.metrics import forget_process
from voserver.process.arrival import REQUEST_TIMEOUT_S, PatientWorker
from voserver.process.job_workers import job_workers
from voserver.process.preload import preload
from voserver.wsgi import build_app
from voweb.branding import read_branding

__all__ = ["bound_socket", "run_server"]


def bound_socket(settings: Settings) -> socket.socket:
    """The listening socket. Raises SetupError when the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as exc:
        listener.close()
        raise SetupError(
            f"Port {settings.port} on {settings.host} cannot be used ({exc.strerror}); "
            "choose another with --port and --host, or EPNTAP_PORT and EPNTAP_HOST."
        ) from exc
    # Connections inherit these: a long request that stops and an answer that nobody takes cannot hold a thread.
    for option, seconds in ((socket.SO_RCVTIMEO, REQUEST_TIMEOUT_S), (socket.SO_SNDTIMEO, settings.send_timeout_s)):
        listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))
    listener.listen(2048)
    return listener


def run_server(settings: Settings, database: Database, listener: socket.socket) -> None:
    """Serve until a signal ends it, with the workers of this machine."""
    read_branding(settings.branding)  # what is wrong with it is said once, before there are processes
    start_log(settings.log_file)
    logging.getLogger("gunicorn.error").setLevel(logging.WARNING)
    with job_workers(settings, database):
        preload()
        _Server(settings, database, listener.detach()).run()  # gunicorn closes it


class _Log(Logger):  # type: ignore[misc]  # gunicorn carries no types
    def access(self, *_facts: Any) -> None:
        """Nothing: our own log tells of requests, and an answer is closed only after this, if it does not fail."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def __init__(self, settings: Settings, database: Database, listener: int) -> None:
        self._settings = settings
        self._database = database
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": [f"fd://{self._listener}"],
            "worker_class": PatientWorker,
            "workers": settings.workers,
            "threads": threads_for(settings.threads),
            "timeout": 120,
            "graceful_timeout": 5,
            "keepalive": 15,
            "limit_request_line": 0,  # links kept for years hold long queries
            "loglevel": "warning",
            "child_exit": lambda _server, worker: forget_process(worker.pid),
            "logger_class": _Log,
            "logconfig_dict": {
                "version": 1,
                "disable_existing_loggers": False,
                "root": {"level": "INFO", "handlers": ["log"]},
                "handlers": {"log": {"()": "epntap.logs.log_handler", "file": settings.log_file}},
                "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True}},
            },
        }
        if "control_socket_disable" in self.cfg.settings:  # gunicorn 25 and newer
            options["control_socket_disable"] = True  # a thread beside which processes would be forked
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # a WSGI application
        return build_app(self._settings, self._database)

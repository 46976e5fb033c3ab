"""A Kafka broker inside this process: librdkafka's mock cluster, from the `confluent-kafka` wheel.

No substitute for a broker in tests of delivery: it has no isolation, no fencing and no durability.
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Self

from consumer.demo.servers.processes import ServerFailedError

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGE = "confluent_kafka"
_PRODUCER = 0  # rd_kafka_type_t
_ERROR_BYTES = 512


class EmbeddedBroker:
    """One broker on a free port of 127.0.0.1 that speaks the Kafka protocol; its topics are in memory.

    What it cannot do, by experiment: transactions (open and aborted records are visible, markers break the
    consumer's checksum, offsets sent in a transaction are lost, producers are not fenced), two members in one
    consumer group, creating topics by the admin protocol (use `create_topic`), and keeping more than about
    5 MiB per partition: it drops the oldest batches, so a producer must not run far ahead of the consumer.
    Metadata requests for a topic by name create it with 4 partitions. Produce responses carry a wrong timestamp,
    fetched records the right one. `stop()` deletes everything.
    """

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None
        self._client: int | None = None
        self._cluster: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The bootstrap address, `127.0.0.1:PORT`."""
        library, cluster = self._started()
        return str(library.rd_kafka_mock_cluster_bootstraps(cluster).decode())

    def start(self) -> str:
        """Start the cluster in threads of this process, within milliseconds, and return its address.

        Raises ServerFailedError if the wheel is missing or does not contain the library.
        """
        if self._cluster is not None:
            raise ServerFailedError("the embedded broker was started already")
        library = _load()
        reason = ctypes.create_string_buffer(_ERROR_BYTES)
        configuration = library.rd_kafka_conf_new()
        # The client that owns the cluster connects to no broker; silence its warnings about that.
        library.rd_kafka_conf_set(configuration, b"log_level", b"0", reason, _ERROR_BYTES)
        client = library.rd_kafka_new(_PRODUCER, configuration, reason, _ERROR_BYTES)
        if not client:
            raise ServerFailedError(f"the embedded broker did not start: {reason.value.decode()}")
        cluster = library.rd_kafka_mock_cluster_new(client, 1)
        if not cluster:
            library.rd_kafka_destroy(client)
            raise ServerFailedError("the embedded broker did not start: it could not listen on a port")
        self._library, self._client, self._cluster = library, client, cluster
        return self.bootstrap

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic; raises ServerFailedError if it exists already or the number is not positive."""
        library, cluster = self._started()
        error = library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
        if error:
            reason = library.rd_kafka_err2str(error).decode()
            raise ServerFailedError(f"the embedded broker did not create topic {name!r}: {reason}")

    def stop(self) -> None:
        """Stop the cluster and delete everything in it; does nothing if it is stopped."""
        if self._library is None:
            return
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
        self._library = self._client = self._cluster = None

    def _started(self) -> tuple[ctypes.CDLL, int]:
        if self._library is None or self._cluster is None:
            raise ServerFailedError("the embedded broker is not started")
        return self._library, self._cluster


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_file()))
    # Without these types ctypes truncates every pointer to an int of 32 bits.
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    size = ctypes.c_size_t
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, size]),
        ("rd_kafka_new", pointer, [number, pointer, text, size]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_err2str", text, [number]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_file() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in map(Path, folders):
        # Where auditwheel (Linux) and delocate (macOS) put it.
        found = [*folder.parent.glob(f"{_PACKAGE}.libs/librdkafka-*"), *folder.glob(".dylibs/librdkafka*")]
        # The wheel may also contain librdkafka++, which has no C interface.
        for file in sorted(found):
            if "++" not in file.name:
                return file
    raise ServerFailedError(
        "the package confluent-kafka with librdkafka is not installed: pip install '.[demo]'"
    )

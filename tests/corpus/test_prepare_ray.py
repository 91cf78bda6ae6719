"""A corpus is prepared on a Ray cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_prepare_shards import digest_of, run, write_corpus

from zaoju import Cancelled, Cleaner, Dropped, Options, UserError
from zaoju.contracts import Event
from zaoju.plugins import ResolvedComponent
from zaoju_builtin.executors.options import RayOptions

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

from zaoju_builtin.executors.ray_cluster import RayExecutor  # noqa: E402


class Slow(Cleaner[Options]):
    """Takes its time, so that a node can be killed while it works."""

    def clean(self, text: str) -> str | Dropped:
        time.sleep(0.001)
        return text.strip() or Dropped("empty")


SLOW = ResolvedComponent("cleaner", "slow", "tests", "0", f"{__name__}:Slow", None, {})


@pytest.fixture(autouse=True)
def found_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's processes import this file, and nobody is told of its use."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")


@pytest.fixture
def two_nodes() -> Iterator[Cluster]:
    """A head that does no work itself; nodes are added."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("small_shards")
def test_a_node_that_is_killed_costs_nothing_but_time(
    tmp_path: Path, two_nodes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("test_prepare_shards.CLEANERS", (SLOW,))
    nodes = [two_nodes.add_node(num_cpus=1) for _ in range(2)]
    two_nodes.wait_for_nodes()
    corpus = write_corpus(tmp_path / "corpus", files=10, lines=1_000)
    work = tmp_path / "work"

    def kill_in_the_middle() -> None:
        while len(list(work.glob("0*"))) < 3:
            time.sleep(0.05)
        two_nodes.remove_node(nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    executor = RayExecutor(RayOptions(address=two_nodes.address))
    run(corpus, tmp_path / "cluster", workers=0, executor=executor, work=work)
    killer.join()
    assert not ray.is_initialized()
    run(corpus, tmp_path / "here")
    assert digest_of(tmp_path / "cluster") == digest_of(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.usefixtures("small_shards")
def test_a_cluster_of_its_own_ends_with_the_work(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    events: list[Event] = []
    run(corpus, tmp_path / "ray", workers=2, executor=RayExecutor(RayOptions()), events=events)
    run(corpus, tmp_path / "here")
    assert digest_of(tmp_path / "ray") == digest_of(tmp_path / "here")
    assert not ray.is_initialized()


@pytest.mark.slow
@pytest.mark.usefixtures("small_shards")
def test_cancelling_and_errors_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_prepare_shards.CLEANERS", (SLOW,))
    corpus = write_corpus(tmp_path / "corpus", lines=100_000, files=3)
    cancel = threading.Event()
    threading.Timer(8, cancel.set).start()
    with pytest.raises(Cancelled):
        run(corpus, tmp_path / "out", workers=2, executor=RayExecutor(RayOptions()), cancel=cancel)
    assert not ray.is_initialized()


@pytest.mark.usefixtures("small_shards")
def test_no_cluster_is_a_clear_error(tmp_path: Path) -> None:
    executor = RayExecutor(RayOptions(address="auto"))
    with pytest.raises(UserError, match=r"no Ray cluster at 'auto'(.|\n)*ray start --head"):
        run(write_corpus(tmp_path / "corpus", lines=10), tmp_path / "out", workers=2, executor=executor)

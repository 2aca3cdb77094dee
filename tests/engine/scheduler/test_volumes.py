"""Volumes decide where their pods may run, and pods decide where their volumes are made."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Cluster
from kgate.engine.api.codec import encode
from kgate.engine.api.core import PersistentVolumeClaim
from kgate.engine.api.storage import PersistentVolume
from tests.engine.scheduler.objects import World, node, pod
from tests.engine.scheduler.volumes import ZONE, claim, drivers, storage_class, using, volume

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
ELSEWHERE = "node(s) didn't match PersistentVolume's node affinity"
NONE_FREE = "node(s) didn't find available persistent volumes to bind"
NO_ZONE = "node(s) had no available volume zone"
HELPLESS = "no new claims to deallocate, preemption: 0/{0} nodes are available: {0} Preemption is not helpful for scheduling."


def two_zones(*objects: Any) -> World:
    return World(node("a1", zone="a"), node("b1", zone="b"), *objects)


def claimed(world: World, name: str = "data") -> PersistentVolumeClaim:
    found = world.store.get(PersistentVolumeClaim, "default", name)
    assert found is not None
    return found


def test_a_pod_follows_its_volume_into_the_zone() -> None:
    world = two_zones(volume("v", zone="b"), claim(bound_to="v"), *(pod(f"p{i}", **using("data")) for i in range(3)))
    assert [world.where(f"p{i}") for i in range(3)] == ["b1", "b1", "b1"]


def test_a_volume_that_no_node_reaches_is_told() -> None:
    world = two_zones(volume("v", zone="c"), claim(bound_to="v"), pod("p", **using("data")))
    assert world.message("p") == f"0/2 nodes are available: 2 {ELSEWHERE}. " + HELPLESS.format(2)


@pytest.mark.parametrize("said", ["b", "c__b"])
def test_the_zone_label_of_a_volume_counts_as_well(said: str) -> None:
    world = two_zones(volume("v", labels={ZONE: said}), claim(bound_to="v"), pod("p", **using("data")))
    assert world.where("p") == "b1"


def test_the_old_zone_label_of_a_volume_is_matched_with_the_new_one_of_a_node() -> None:
    world = two_zones(volume("v", labels={"failure-domain.beta.kubernetes.io/zone": "c"}), claim(bound_to="v"), pod("p", **using("data")))
    assert world.message("p").startswith(f"0/2 nodes are available: 2 {NO_ZONE}.")


def test_a_node_without_any_zone_takes_every_volume() -> None:
    assert World(node("n"), volume("v", labels={ZONE: "b"}), claim(bound_to="v"), pod("p", **using("data"))).where("p") == "n"


def test_a_bound_claim_whose_volume_is_gone_is_told() -> None:
    world = two_zones(claim(bound_to="v"), pod("p", **using("data")))
    assert world.message("p") == '0/2 nodes are available: persistentvolume "v" not found. not found'


@pytest.mark.parametrize("spec", [{}, {"storageClassName": "gone"}, {"storageClassName": "now"}, {"volumeName": "v"}])
def test_a_claim_that_should_have_its_volume_by_now_keeps_the_pod_waiting(spec: dict[str, Any]) -> None:
    world = two_zones(storage_class("now", delayed=False), claim(**spec), pod("p", **using("data")))
    assert world.message("p") == f"0/2 nodes are available: {UNBOUND}. not found"


def test_a_claim_that_waits_for_its_pod_takes_the_smallest_volume_that_fits_there() -> None:
    handmade = storage_class("local", provisioner="kubernetes.io/no-provisioner")
    volumes = [volume(f"v{size}", size=f"{size}Gi", zone="b", storageClassName="local") for size in (1, 8, 4)]
    world = two_zones(handmade, *volumes, claim(size="2Gi", storageClassName="local"), pod("p", **using("data")))
    assert (world.where("p"), claimed(world).spec.volume_name, claimed(world).status.phase) == ("b1", "v4", "Bound")
    taken = world.store.get(PersistentVolume, "", "v4")
    assert taken is not None and taken.spec.claim_ref is not None and taken.spec.claim_ref.uid == claimed(world).metadata.uid


def test_a_volume_is_promised_once() -> None:
    handmade = storage_class("local", provisioner="kubernetes.io/no-provisioner")
    claims = [claim(f"c{i}", storageClassName="local") for i in range(2)]
    only = volume("v", zone="a", storageClassName="local")
    world = two_zones(handmade, only, *claims, *(pod(f"p{i}", **using(f"c{i}")) for i in range(2)))
    assert (world.where("p0"), world.where("p1")) == ("a1", "")
    assert world.message("p1").startswith(f"0/2 nodes are available: 2 {NONE_FREE}.")
    world.put(volume("w", zone="b", storageClassName="local"))
    assert world.where("p1") == "b1"


def test_two_claims_of_one_pod_need_two_volumes() -> None:
    handmade = storage_class("local", provisioner="kubernetes.io/no-provisioner")
    claims = [claim(f"c{i}", storageClassName="local") for i in range(2)]
    only = volume("v", storageClassName="local")
    assert two_zones(handmade, only, *claims, pod("p", **using("c0", "c1"))).where("p") == ""


def test_a_class_makes_volumes_only_where_its_topology_allows() -> None:
    terms = [{"matchLabelExpressions": [{"key": ZONE, "values": ["b", "c"]}]}]
    world = two_zones(storage_class("disk", allowedTopologies=terms), claim(storageClassName="disk"), pod("p", **using("data")))
    assert world.where("p") == "b1"
    assert claimed(world).metadata.annotations["volume.kubernetes.io/selected-node"] == "b1"


def test_the_second_pod_goes_where_the_volume_of_the_first_is_being_made() -> None:
    world = two_zones(storage_class("disk"), claim(storageClassName="disk"), pod("p", cpu="3", **using("data")))
    world.put(pod("q", cpu="3", **using("data")))
    assert (world.where("p"), world.where("q")) == ("a1", "")
    assert world.message("q").startswith(f"0/2 nodes are available: 1 Insufficient cpu, 1 {NONE_FREE}.")


@pytest.mark.parametrize(
    ("source", "other", "shared"),
    [
        ({"gcePersistentDisk": {"pdName": "d"}}, {"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, False),
        ({"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, {"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, True),
        ({"gcePersistentDisk": {"pdName": "d"}}, {"gcePersistentDisk": {"pdName": "e"}}, True),
        (
            {"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}},
            {"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}},
            False,
        ),
        ({"iscsi": {"iqn": "d"}}, {"iscsi": {"iqn": "d"}}, False),
        ({"rbd": {"monitors": ["a", "b"], "image": "i"}}, {"rbd": {"monitors": ["b"], "image": "i", "pool": "rbd"}}, False),
        ({"rbd": {"monitors": ["a"], "image": "i"}}, {"rbd": {"monitors": ["b"], "image": "i"}}, True),
    ],
)
def test_a_disk_is_on_a_node_once_unless_all_only_read_it(source: dict[str, Any], other: dict[str, Any], shared: bool) -> None:
    world = World(node("n"), *(pod(f"p{i}", volumes=[{"name": "v", **s}]) for i, s in enumerate((source, other))))
    assert (world.where("p1") == "n") is shared
    if not shared:
        assert "1 node(s) had no available disk" in world.message("p1")
        assert world.gone("p0").where("p1") == "n"


def test_a_node_takes_as_many_volumes_as_its_driver_says() -> None:
    made = [volume(f"v{i}", csi={"driver": "disk", "volumeHandle": f"h{i}"}) for i in range(3)]
    claims = [claim(f"c{i}", bound_to=f"v{i}") for i in range(3)]
    world = World(node("n"), drivers("n", disk=2), *made, *claims, pod("p", **using("c0", "c1")), pod("q", **using("c2")))
    assert "1 node(s) exceed max volume count" in world.message("q")
    world.put(pod("r", **using("c1")))
    assert (world.where("p"), world.where("q"), world.where("r")) == ("n", "", "n")
    assert world.gone("p").where("q") == "n"


def applied(*objects: Any) -> Cluster:
    cluster = Cluster()
    for name, zone in (("a1", "a"), ("b1", "b")):
        cluster.add_node(
            {"metadata": {"name": name, "labels": {ZONE: zone}}, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "9"}}}
        )
    for obj in objects:
        cluster.apply(encode(obj))
    return cluster


def claim_of(cluster: Cluster, name: str = "data") -> dict[str, Any]:
    return cluster.get("PersistentVolumeClaim", name)


def test_an_immediate_claim_gets_the_snuggest_volume_with_the_fewest_modes() -> None:
    wide = volume("wide", accessModes=["ReadWriteOnce", "ReadWriteMany"], storageClassName="")
    cluster = applied(wide, volume("large", size="9Gi"), volume("small", size="2Gi"), claim(size="2Gi"))
    assert claim_of(cluster)["spec"]["volumeName"] == "small"
    assert claim_of(cluster)["status"]["phase"] == "Bound"


def test_a_claim_without_a_class_gets_the_default_one_and_its_volume_at_once() -> None:
    default = encode(storage_class("std", delayed=False)) | {
        "metadata": {"name": "std", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    }
    cluster = applied(claim())
    assert claim_of(cluster)["status"]["phase"] == "Pending"
    cluster.apply(default)
    assert (claim_of(cluster)["spec"]["storageClassName"], claim_of(cluster)["status"]["phase"]) == ("std", "Bound")


def test_a_volume_that_is_made_for_a_pod_stays_in_its_zone() -> None:
    cluster = applied(storage_class("ebs", provisioner="ebs.csi.aws.com"), claim(storageClassName="ebs"))
    assert claim_of(cluster)["status"]["phase"] == "Pending"
    cluster.create(encode(pod("first", cpu="1", **using("data"))))
    assert claim_of(cluster)["status"]["phase"] == "Bound"
    cluster.patch("Node", "a1", {"spec": {"unschedulable": True}})
    cluster.create(encode(pod("second", cpu="1", **using("data"))))
    said = cluster.get("Pod", "second")["status"]["conditions"][0]["message"]
    assert said.startswith(f"0/2 nodes are available: 1 {ELSEWHERE}, 1 node(s) were unschedulable.")


def test_a_claim_whose_volume_vanishes_is_lost() -> None:
    cluster = applied(volume("v"), claim())
    cluster.delete("PersistentVolume", "v")
    assert claim_of(cluster)["status"]["phase"] == "Lost"
    cluster.create(encode(pod("p", **using("data"))))
    said = cluster.get("Pod", "p")["status"]["conditions"][0]["message"]
    assert said == '0/2 nodes are available: persistentvolumeclaim "data" bound to non-existent persistentvolume "v". not found'

"""`fcb signers` as an operator types it."""

import json
import os
import pwd

from fcb_pipelines.domain.signers import read_secret
from fcb_pipelines_tests.cli.conftest import Fcb

ME = pwd.getpwuid(os.getuid()).pw_name


def test_a_signer_lives_from_adding_to_revoking(fcb: Fcb) -> None:
    empty = fcb("signers", "list")
    assert "nobody signs for shop on the pages yet" in empty.stderr
    made = fcb("signers", "add", "ada")
    assert made.returncode == 0, made.stderr
    assert read_secret(made.stdout.removesuffix("\n")) is not None
    assert ": ada signs for shop. The secret is shown this once:" in made.stderr
    (one,) = json.loads(fcb("signers", "list", "--json").stdout)["signers"]
    shown = {name: one[name] for name in ("name", "service", "state", "added_by", "last_four", "revoked_at")}
    assert shown == {
        "name": "ada",
        "service": "shop",
        "state": "live",
        "added_by": ME,
        "last_four": made.stdout.strip()[-4:],
        "revoked_at": None,
    }
    revoked = fcb("signers", "revoke", "ada")
    assert (revoked.returncode, revoked.stdout) == (0, "")
    table = fcb("signers", "list").stdout
    assert "revoked" in table
    assert not any(made.stdout.strip()[8:30] in each for each in (table, made.stderr, revoked.stderr))


def test_wrong_use_is_one_line(fcb: Fcb) -> None:
    assert fcb("signers", "add", "ada").returncode == 0
    for args, code, said in (
        (("add", "ADA"), 1, "ada signs for shop already"),
        (("add", " "), 2, "a signer needs a name"),
        (("add", "x", "--service", "nobody"), 2, "no service 'nobody'"),
        (("revoke", "grace"), 2, "nobody signs for shop as 'grace'"),
    ):
        done = fcb("signers", *args)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.startswith("fcb: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1

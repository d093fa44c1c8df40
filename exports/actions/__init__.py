"""Every write of the release: freeze a version, build its files, fail it, take it up again, withdraw it, hand it on."""

from __future__ import annotations

from exports.actions.build import (
    BuildFailed,
    CannotRebuild,
    StoreAway,
    build_version,
    fail_version,
    has_part,
    rebuild_version,
    write_part,
)
from exports.actions.deliver import deliver_version, push_version, require_may_deliver
from exports.actions.freeze import (
    BadRequest,
    ContributorsShare,
    LicencesDontFit,
    NotALead,
    NothingApproved,
    NothingChanged,
    TooManyBuilds,
    attach_job,
    compare,
    request_version,
)
from exports.actions.recipes import delete_recipe, save_recipe
from exports.actions.state import WrongState, record_download, restart_version, withdraw_version

__all__ = [
    "BadRequest",
    "BuildFailed",
    "CannotRebuild",
    "ContributorsShare",
    "LicencesDontFit",
    "NotALead",
    "NothingApproved",
    "NothingChanged",
    "StoreAway",
    "TooManyBuilds",
    "WrongState",
    "attach_job",
    "build_version",
    "compare",
    "delete_recipe",
    "deliver_version",
    "fail_version",
    "has_part",
    "push_version",
    "rebuild_version",
    "record_download",
    "request_version",
    "require_may_deliver",
    "restart_version",
    "save_recipe",
    "withdraw_version",
    "write_part",
]

"""Every write of the release: freeze a version, build its files, fail it, take it up again, withdraw it."""

from __future__ import annotations

from exports.actions.build import (
    BuildFailed,
    CannotRebuild,
    build_version,
    fail_version,
    has_part,
    rebuild_version,
    write_part,
)
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
    "TooManyBuilds",
    "WrongState",
    "attach_job",
    "build_version",
    "compare",
    "delete_recipe",
    "fail_version",
    "has_part",
    "rebuild_version",
    "record_download",
    "request_version",
    "restart_version",
    "save_recipe",
    "withdraw_version",
    "write_part",
]

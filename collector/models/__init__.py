"""The core's tables: people, campaigns, submissions, reviews and awards."""

from __future__ import annotations

from collector.models.audit import AppendOnly, AuditEntry
from collector.models.awards import Award, Standing
from collector.models.campaigns import (
    Campaign,
    CampaignCategory,
    Category,
    CategoryExample,
    Licence,
    Passage,
    PassageSkip,
    Terms,
    TermsAcceptance,
)
from collector.models.conversation import Comment, Digest, Notice
from collector.models.mailings import Delivery, Mailing, Occasion
from collector.models.near import InstructionBand, InstructionSignature
from collector.models.people import (
    ApiToken,
    DirectoryAccount,
    Invitation,
    InvitationLink,
    MailKind,
    Person,
    Role,
    Team,
)
from collector.models.points import Contest, ContestStanding, PointRules
from collector.models.reasons import ActiveDay, Badge
from collector.models.reviews import (
    CannedReason,
    GoldAnswer,
    GoldItem,
    Review,
    ReviewLease,
    ReviewReason,
    ReviewSkip,
)
from collector.models.sheets import SheetImport
from collector.models.submissions import Draft, Event, ImportBatch, Revision, Submission

__all__ = [
    "ActiveDay",
    "ApiToken",
    "AppendOnly",
    "AuditEntry",
    "Award",
    "Badge",
    "Campaign",
    "CampaignCategory",
    "CannedReason",
    "Category",
    "CategoryExample",
    "Comment",
    "Contest",
    "ContestStanding",
    "Delivery",
    "Digest",
    "DirectoryAccount",
    "Draft",
    "Event",
    "GoldAnswer",
    "GoldItem",
    "ImportBatch",
    "InstructionBand",
    "InstructionSignature",
    "Invitation",
    "InvitationLink",
    "Licence",
    "MailKind",
    "Mailing",
    "Notice",
    "Occasion",
    "Passage",
    "PassageSkip",
    "Person",
    "PointRules",
    "Review",
    "ReviewLease",
    "ReviewReason",
    "ReviewSkip",
    "Revision",
    "Role",
    "SheetImport",
    "Standing",
    "Submission",
    "Team",
    "Terms",
    "TermsAcceptance",
]

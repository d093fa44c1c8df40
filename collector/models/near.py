"""The near-duplicate index: MinHash signatures of current instructions, cut into bands (see collector.near)."""

from __future__ import annotations

from django.db import models

from collector.models.submissions import Submission


class InstructionSignature(models.Model):
    """The MinHash signature of what a submission asks now."""

    submission = models.OneToOneField(
        Submission, on_delete=models.CASCADE, primary_key=True, related_name="instruction_signature"
    )
    values = models.BinaryField(help_text="Little-endian uint32, one a permutation.")

    def __str__(self) -> str:
        return str(self.submission_id)


class InstructionBand(models.Model):
    """One band of a signature: two instructions that share a key may be alike, and are compared."""

    submission = models.ForeignKey(
        Submission, on_delete=models.CASCADE, related_name="instruction_bands", db_index=False
    )
    key = models.BigIntegerField(help_text="A hash of the band's number and values.")

    class Meta:
        indexes = [
            models.Index(fields=["key", "submission"], name="instruction_band_key"),
            models.Index(fields=["submission"], name="instruction_band_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.key}"

"""Every error this package raises, and what the caller should do about it.

FcbError
├── InvalidInput        the caller sent something wrong: fix the input
│   └── InvalidSettings     an FCB_* variable or fcb.toml is wrong: fix it and start again
├── RuleViolation       a business rule says no: do not retry
├── Overtaken           another run may have gone on meanwhile: this one ended, run again
└── RemoteError         a system outside ours
    ├── Refused             it said no: do not retry
    ├── RolledBack          nothing happened: retry with backoff
    └── OutcomeUnknown      it may have happened: retry only what is idempotent
        └── TimedOut            it may still be going on: ask for less

A mismatch is a status, an unlinked account an `AccountLink`, a bad row an `ImportIssue`: none of them is an exception.
"""


class FcbError(Exception):
    """Base of all our errors; its text is written for the operator and says what to do."""


class InvalidInput(FcbError):
    """The caller sent something wrong: fix the input."""


class InvalidSettings(InvalidInput):
    """An `FCB_*` variable or `fcb.toml` is wrong: fix it and start again."""


class RuleViolation(FcbError):
    """A business rule says no: do not retry."""


class Overtaken(FcbError):
    """Another run went on with the same work, or may have: this one ended where it was; what comes next looks first."""


class RemoteError(FcbError):
    """A system outside ours did not do what was asked."""


class Refused(RemoteError):
    """The other system said no; the same call will be refused again."""


class RolledBack(RemoteError):
    """Nothing happened there; the call may be retried after a pause."""


class OutcomeUnknown(RemoteError):
    """It may or may not have happened there; retry only what is idempotent."""


class TimedOut(OutcomeUnknown):
    """We stopped waiting and the other system may still be at it; what is asked next should be less."""

"""Every error that this distribution raises, and who must act.

HostError
├── InvalidSettings       whoever configures it: the message names the variable
├── InvalidEvent          the caller: the event can never be stored as it is
├── IdempotencyConflict   the caller: its key was recorded before with other content
├── SpoolFull             the caller decides: wait, drop or stop; somebody must see why nothing is sent
├── SpoolUnavailable      the machine: disk full, no permission, locked for too long, no spool of ours
├── UnreadableSource      whoever wrote the query of the reader: a column is missing or of the wrong type
├── StorageUnavailable    the database of the receiver: down, locked for too long, no right to it, made by a later version
└── NotPossible           the operator: the deployment or the message is not in the state that the command is for
"""


class HostError(Exception):
    """Anything that this distribution raises on purpose."""


class InvalidSettings(HostError):
    """A setting is missing or cannot be used."""


class InvalidEvent(HostError, ValueError):
    """The event breaks the contract and was not recorded."""


class IdempotencyConflict(HostError):
    """The same subscription, metric and key is in the spool with other content; nothing of this call was recorded."""


class SpoolFull(HostError):
    """The spool holds as many events as it may; nothing of this call was recorded."""


class SpoolUnavailable(HostError):
    """The spool cannot be read or written; what the call wanted to record is not recorded."""


class UnreadableSource(HostError):
    """The reader's query does not answer what it must; nothing of the batch was recorded."""


class StorageUnavailable(HostError):
    """The receiver's database cannot be read or written; what the call wanted to store is not stored, or it is not known."""


class NotPossible(HostError):
    """What an operator asked for is not possible now; nothing was changed."""

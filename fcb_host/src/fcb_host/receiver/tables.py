"""The tables of the receiver, in the host's own database or in a file of their own.

Owns: what is kept and in which form. Does not own: who reads and writes it (inbox, deployments). Moments are milliseconds
since 1970. The tables of one version are made once, in the transaction of whoever comes first.
"""

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver.storage import Transaction

VERSION = 1

_STATEMENTS = (
    # Every message that was signed, with the body as it came. (source, message_id) is who it is, for as long as it is kept.
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_message (
        number       {number},
        source       text NOT NULL,
        message_id   text NOT NULL,
        body         {bytes} NOT NULL,
        digest       {bytes} NOT NULL,
        received_at  bigint NOT NULL,
        type         text NOT NULL,
        deployment   text NOT NULL,
        subscription text NOT NULL,
        subject      text NOT NULL,
        sequence     bigint NOT NULL,
        standing     text NOT NULL,
        why          text NOT NULL,
        attempts     bigint NOT NULL,
        due_at       bigint NOT NULL,
        ended_at     bigint,
        released_by  text NOT NULL,
        UNIQUE (source, message_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS fcb_receiver_message_due ON fcb_receiver_message (standing, due_at, number)",
    "CREATE INDEX IF NOT EXISTS fcb_receiver_message_of ON fcb_receiver_message (deployment, number)",
    # How often an id came again, and with which bodies. Rows of their own: nobody who acts on a message holds them.
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_repetition (
        source     text NOT NULL,
        message_id text NOT NULL,
        digest     {bytes} NOT NULL,
        body       {bytes},
        times      bigint NOT NULL,
        last_at    bigint NOT NULL,
        PRIMARY KEY (source, message_id, digest)
    )
    """,
    # The last sequence known on a subject of a subscription: an invoice, its charge, its end. Never forgotten.
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_heard (
        source       text NOT NULL,
        subscription text NOT NULL,
        subject      text NOT NULL,
        sequence     bigint NOT NULL,
        PRIMARY KEY (source, subscription, subject)
    )
    """,
    # One row of each subscription that whoever decides on its messages holds: two of them may name different deployments.
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_turn (
        source       text NOT NULL,
        subscription text NOT NULL,
        PRIMARY KEY (source, subscription)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_deployment (
        deployment     text PRIMARY KEY,
        state          text NOT NULL,
        since          bigint NOT NULL,
        end_message    text,
        end_until      bigint,
        end_returns_to text,
        confirmed_by   text,
        begun          text
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_unpaid (
        deployment   text NOT NULL,
        subscription text NOT NULL,
        subject      text NOT NULL,
        sequence     bigint NOT NULL,
        words        text NOT NULL,
        is_due       bigint NOT NULL,
        PRIMARY KEY (deployment, subscription, subject)
    )
    """,
    # What was done, by the receiver (who is empty) or by a person.
    """
    CREATE TABLE IF NOT EXISTS fcb_receiver_act (
        number     {number},
        at         bigint NOT NULL,
        what       text NOT NULL,
        deployment text NOT NULL,
        message_id text NOT NULL,
        who        text NOT NULL,
        why        text NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS fcb_receiver_act_what ON fcb_receiver_act (what, at)",
    # One row that whoever counts against a cap holds, so that two do not count at once.
    "CREATE TABLE IF NOT EXISTS fcb_receiver_brake (brake bigint PRIMARY KEY)",
    "INSERT INTO fcb_receiver_brake VALUES (1) ON CONFLICT DO NOTHING",
    "CREATE TABLE IF NOT EXISTS fcb_receiver_version (version bigint PRIMARY KEY)",
)


def bring_up(tx: Transaction, *, are_there: bool, number: str, octets: str) -> None:
    """Make the tables where there are none yet; the caller saw to it that nobody else does at this moment.

    Whoever waited for somebody else to do so may not know yet that they are there: to make them again changes nothing. `number`
    and `octets` are what the database calls a rising number and a run of bytes. Raises StorageUnavailable where the tables were
    made by a later version.
    """
    if not are_there:
        for statement in _STATEMENTS:
            tx.change(statement.replace("{number}", number).replace("{bytes}", octets))
        tx.change("INSERT INTO fcb_receiver_version VALUES (:version) ON CONFLICT DO NOTHING", version=VERSION)
    ((version,),) = tx.rows("SELECT max(version) FROM fcb_receiver_version")
    if version != VERSION:
        raise StorageUnavailable(
            f"the receiver's tables are of version {version}, here they are of {VERSION}: install the version of fcb_host that "
            "made them here too"
        )

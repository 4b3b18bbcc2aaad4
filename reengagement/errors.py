"""Every error that this package raises on purpose.

    ReengagementError
    ├── SettingsError          a setting is unknown, malformed or missing
    │   └── RulesRefused       rules don't hold, singly or together
    ├── RulesChanged           someone else changed a rule meanwhile
    ├── DatabaseError          the database can't be used as it is
    │   ├── DatabaseUnreachable
    │   ├── NotMigrated
    │   └── EmbeddedDatabaseError
    ├── BrokerUnreachable      Redis (or the broker's tables) can't be reached
    ├── HostError              a table or column of the host is missing
    ├── VariantError           a message text can't be used
    ├── AlreadyRunning         another run of the planner is under way
    └── BadReference           a signed link is forged, damaged or expired

Each message says what was wrong, where, and what to do. None holds a secret or an endpoint.
"""


class ReengagementError(Exception):
    """Something that the person at the keyboard can mend."""


class SettingsError(ReengagementError):
    """A setting is unknown, malformed or missing; the message names the variable."""


class RulesRefused(SettingsError):
    """Rules don't hold, singly or together; `names` are those that the message is about."""

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.names = names


class RulesChanged(ReengagementError):
    """Someone else changed a rule while it was being edited."""


class DatabaseError(ReengagementError):
    """The database can't be used as it is."""


class DatabaseUnreachable(DatabaseError):
    """No connection to PostgreSQL at the configured address."""


class NotMigrated(DatabaseError):
    """The tables of this package are missing or older than the code."""


class EmbeddedDatabaseError(DatabaseError):
    """The embedded PostgreSQL can't be started."""


class BrokerUnreachable(ReengagementError):
    """The broker that carries wake-ups can't be reached."""


class HostError(ReengagementError):
    """The host's tables lack something that can't be done without."""


class VariantError(ReengagementError):
    """A message text can't be used; the message says which word and why, `code` which rule it broke."""

    def __init__(self, message: str, *, code: str = "text") -> None:
        super().__init__(message)
        self.code = code


class AlreadyRunning(ReengagementError):
    """Another run of the planner is under way; wait for it to end."""


class BadReference(ReengagementError):
    """A signed link is forged, damaged or expired."""

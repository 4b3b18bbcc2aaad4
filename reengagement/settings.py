"""What an operator sets, from the environment and `.env`."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from reengagement.errors import SettingsError

PREFIX = "REENGAGEMENT_"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"

DOORS = ("link", "accounts", "oidc")
"""Ways of signing in that REENGAGEMENT_SIGN_IN may name."""

RULE_NAMES = (
    "level_days",
    "min_completed_steps",
    "look_back_days",
    "gap_days",
    "run_at",
    "run_until",
    "timezone",
    "honour_host_settings",
    "holdout_share",
    "expiry_hours",
    "pushes_per_second",
    "click_rate_threshold",
    "return_rate_threshold",
)
"""Fields of `reengagement.rules.Rules`, each of which REENGAGEMENT_<NAME> fixes; a test compares the two."""


def _variable(name: str) -> AliasChoices:
    return AliasChoices(name)


def default_data_dir() -> Path:
    """Return where the embedded database and its secrets live: per user, or /var/lib for root.

    `nobody` can't enter /root, and PostgreSQL refuses to run as root.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/reengagement")
    return user_data_path("reengagement")


class Settings(BaseModel):
    """One frozen set of settings. Build it with `load()`; each field names its variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: Annotated[str | None, Field(validation_alias=_variable("DATABASE_URL"), repr=False)] = None
    """PostgreSQL; without it an embedded one is started in `data_dir`."""
    redis_url: Annotated[str | None, Field(validation_alias=_variable("REDIS_URL"), repr=False)] = None
    """The broker; without it Huey uses the same PostgreSQL."""
    vapid_private_key: Annotated[
        str | None, Field(validation_alias=_variable("VAPID_PRIVATE_KEY"), repr=False)
    ] = None
    """base64url of the 32-byte P-256 key, as `python -m reengagement vapid` prints it."""
    vapid_subject: Annotated[str | None, Field(validation_alias=_variable("VAPID_SUBJECT"))] = None
    """Whom a push service may write to: `mailto:someone@example.org` or an https origin."""

    host: Annotated[str, Field(validation_alias=_variable(PREFIX + "HOST"))] = "dog_training"
    """The module of `reengagement.host` that knows the host's tables."""
    data_dir: Annotated[
        Path, Field(validation_alias=_variable(PREFIX + "DATA_DIR"), default_factory=default_data_dir)
    ]
    """The folder of the embedded database."""
    public_url: Annotated[str, Field(validation_alias=_variable(PREFIX + "PUBLIC_URL"))] = (
        "http://localhost:8501"
    )
    """Where browsers reach this dashboard and its click routes."""
    site_url: Annotated[str | None, Field(validation_alias=_variable(PREFIX + "SITE_URL"))] = None
    """The product's own site: where a reminder leads. Without it, `public_url`."""
    push_origins: Annotated[tuple[str, ...], Field(validation_alias=_variable(PREFIX + "PUSH_ORIGINS"))] = ()
    """Exact origins, comma-separated, allowed beside the known push services."""
    secret: Annotated[
        str | None, Field(validation_alias=_variable(PREFIX + "SECRET"), min_length=32, repr=False)
    ] = None
    """Signs click links; without it one is made at the first migration and kept in the database."""
    alert_urls: Annotated[
        tuple[str, ...], Field(validation_alias=_variable(PREFIX + "ALERT_URLS"), repr=False)
    ] = ()
    """Who is told of alerts: Apprise's addresses, separated by blanks or commas. Each is a secret."""
    alert_language: Annotated[
        Literal["ru", "en"], Field(validation_alias=_variable(PREFIX + "ALERT_LANGUAGE"))
    ] = "ru"
    """The language of what people are told."""
    host_secret: Annotated[
        str | None, Field(validation_alias=_variable(PREFIX + "HOST_SECRET"), min_length=32, repr=False)
    ] = None
    """Shared with the product, which signs with it whose browser subscribes; without it nobody can."""
    cors_origins: Annotated[tuple[str, ...], Field(validation_alias=_variable(PREFIX + "CORS_ORIGINS"))] = ()
    """Exact origins, comma-separated, whose pages may subscribe from a browser."""
    metrics_secret: Annotated[
        str | None, Field(validation_alias=_variable(PREFIX + "METRICS_SECRET"), min_length=16, repr=False)
    ] = None
    """Bearer token of `GET /reengagement/metrics`; without it there is no such page."""
    sign_in: Annotated[
        tuple[str, ...], Field(validation_alias=_variable(PREFIX + "SIGN_IN"), min_length=1)
    ] = ("link",)
    """The doors that are open: any of `DOORS`, comma-separated."""
    oidc_metadata_url: Annotated[
        str | None, Field(validation_alias=_variable(PREFIX + "OIDC_METADATA_URL"))
    ] = None
    """The provider's `…/.well-known/openid-configuration`."""
    oidc_client_id: Annotated[str | None, Field(validation_alias=_variable(PREFIX + "OIDC_CLIENT_ID"))] = None
    oidc_client_secret: Annotated[
        str | None, Field(validation_alias=_variable(PREFIX + "OIDC_CLIENT_SECRET"), repr=False)
    ] = None
    oidc_claim: Annotated[str | None, Field(validation_alias=_variable(PREFIX + "OIDC_CLAIM"))] = None
    """The claim that makes an admin; without it the host's own role does, found by verified e-mail."""
    oidc_claim_value: Annotated[str, Field(validation_alias=_variable(PREFIX + "OIDC_CLAIM_VALUE"))] = "ADMIN"
    """What that claim must be, or have among its values."""
    oidc_hours: Annotated[int, Field(validation_alias=_variable(PREFIX + "OIDC_HOURS"), ge=1, le=720)] = 12
    """After so long the provider is asked again."""
    demo: Annotated[bool, Field(validation_alias=_variable(PREFIX + "DEMO"))] = False
    """Shows a sign-in button to everyone who can reach the page, and a link to the phone."""
    phone_url: Annotated[str | None, Field(validation_alias=_variable(PREFIX + "PHONE_URL"))] = None
    """The demo's phone page."""
    rules: Mapping[str, str] = {}
    """Rules that the environment fixes: field of `reengagement.rules.Rules` to its text."""

    @field_validator("database_url")
    @classmethod
    def _postgresql_only(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must begin with postgresql:// (other databases are not supported)")
        return url

    @field_validator("redis_url")
    @classmethod
    def _redis_only(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url

    @field_validator("public_url", "site_url", "phone_url", "oidc_metadata_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/") if url else url

    @field_validator("vapid_subject")
    @classmethod
    def _reachable_subject(cls, subject: str | None) -> str | None:
        """Apple refuses blanks, localhost and .local in the subject, with a bare 403 for every message."""
        if subject is None:
            return None
        if not subject.startswith(("mailto:", "https://")) or " " in subject:
            raise ValueError("must be mailto:someone@example.org or an https:// origin, without blanks")
        address = subject.removeprefix("mailto:").removeprefix("https://")
        if subject.startswith("mailto:") and "@" not in address:
            raise ValueError("mailto: needs an address, as in mailto:someone@example.org")
        domain = address.rpartition("@")[2].partition("/")[0].partition(":")[0]
        if domain == "localhost" or domain.endswith(".local") or "." not in domain:
            raise ValueError(f"push services refuse {domain!r}: name a domain that exists")
        return subject

    @field_validator("push_origins", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _split_addresses(cls, value: Any) -> Any:
        """Split only before another scheme: an address may hold commas itself."""
        if isinstance(value, str):
            return tuple(re.split(rf"[\s,;]+(?={_SCHEME})", value.strip().strip(",;")))
        return value

    @field_validator("alert_urls")
    @classmethod
    def _addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.match(_SCHEME, url) for url in urls):
            raise ValueError("each must begin with a scheme, as in slack://… (Apprise lists its services)")
        return urls

    @field_validator("cors_origins")
    @classmethod
    def _plain_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"{origin!r} must be an origin such as https://dogs.example.org")
        return origins

    @field_validator("sign_in", mode="before")
    @classmethod
    def _doors(cls, value: Any) -> Any:
        doors = (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )
        unknown = sorted(set(doors) - set(DOORS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no way of signing in; there are {', '.join(DOORS)}")
        return tuple(dict.fromkeys(doors))

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Settings:
        needed = ("oidc_metadata_url", "oidc_client_id", "oidc_client_secret")
        missing = [PREFIX + name.upper() for name in needed if not getattr(self, name)]
        if "oidc" in self.sign_in and missing:
            raise ValueError(f"{PREFIX}SIGN_IN: oidc needs {', '.join(missing)}")
        return self

    @property
    def doors(self) -> tuple[str, ...]:
        """The ways of signing in that are open, the demo's button among them."""
        return (*self.sign_in, "demo") if self.demo else self.sign_in

    @property
    def landing_url(self) -> str:
        """The origin that a reminder's link leads to."""
        return self.site_url or self.public_url

    @property
    def database(self) -> str:
        """Which database this is: its address, or the folder of the embedded one."""
        return self.database_url or str(self.data_dir)


def _variables() -> dict[str, str]:
    """Return each setting's variable and the field that it fills."""
    return {
        str(field.validation_alias.choices[0]): name
        for name, field in Settings.model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
    }


def parse(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` describes. An empty variable counts as not set.

    Raises SettingsError naming every variable that is unknown or malformed, with the nearest known name.
    """
    variables = _variables()
    rule_variables = {PREFIX + name.upper(): name for name in RULE_NAMES}
    given = {key: value for key, value in environment.items() if value.strip()}
    known = {**variables, **rule_variables}
    problems = [_unknown(key, known) for key in sorted(given) if key.startswith(PREFIX) and key not in known]
    values: dict[str, Any] = {key: given[key] for key in variables if key in given}
    values["rules"] = {name: given[key] for key, name in rule_variables.items() if key in given}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [
            ": ".join([*map(str, item["loc"][:1]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors()
        ]
        raise SettingsError("; ".join(problems)) from None
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def _unknown(variable: str, known: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(variable, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else " See docs/settings.md for the list."
    return f"{variable} is not a setting.{hint}"


@cache
def load() -> Settings:
    """Return the settings of this process: the environment, then `.env` of the working folder."""
    file_values = {key: value or "" for key, value in dotenv_values(".env").items()}
    return parse({**file_values, **os.environ})

"""A TMF621 trouble ticket of version 4 or 5 in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dispatchopt.adapters.tmf.values import listed, text_of

Version = Literal["v4", "v5"]

_STANDARD: Final = frozenset(
    {
        "id", "href", "name", "description", "ticketType", "severity", "priority", "status",
        "externalId", "channel", "creationDate", "lastUpdate", "requestedResolutionDate",
        "expectedResolutionDate", "resolutionDate", "statusChange", "statusChangeDate",
        "statusChangeReason", "statusChangeHistory", "relatedParty", "relatedEntity", "note",
        "attachment", "troubleTicketRelationship", "troubleTicketCharacteristic",
        "troubleTicketSpecification", "externalIdentifier", "characteristic",
        "@type", "@baseType", "@schemaLocation",
    }
)  # fmt: skip
_OF_V5: Final = (
    "troubleTicketCharacteristic",
    "externalIdentifier",
    "statusChangeHistory",
    "troubleTicketSpecification",
)


@dataclass(frozen=True, slots=True)
class Related:
    """A related entity or party.

    Attributes
    ----------
    raw
        The reference as it came: in version 5 the object inside it.
    """

    id: str | None
    role: str | None
    referred_type: str | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TroubleTicket:
    """A trouble ticket as hooks see it; what `raw` holds may be personal.

    Attributes
    ----------
    id
        Its id, else its external one; empty if it has neither.
    history
        Changes of the state, in any order.
    extras
        Characteristics (version 5), and fields of an extension (version 4), by name.
    raw
        The document as it came.
    """

    id: str
    version: Version
    ticket_type: str | None
    priority: str | None
    severity: str | None
    status: str | None
    entities: tuple[Related, ...]
    parties: tuple[Related, ...]
    history: tuple[Mapping[str, Any], ...] = field(repr=False)
    extras: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> TroubleTicket:
        """Read a document; what is not as the schema has it counts as absent."""
        return cls(
            id=_id(document),
            version=version_of(document),
            ticket_type=text_of(document.get("ticketType")),
            priority=text_of(document.get("priority")),
            severity=text_of(document.get("severity")),
            status=text_of(document.get("status")),
            entities=tuple(_related(document.get("relatedEntity"), "entity")),
            parties=tuple(_related(document.get("relatedParty"), "partyOrPartyRole")),
            history=(
                *listed(document.get("statusChange")),
                *listed(document.get("statusChangeHistory")),
            ),
            extras=_extras(document),
            raw=document,
        )


def version_of(document: Mapping[str, Any]) -> Version:
    """Tell the version of a document by what only version 5 has."""
    if any(key in document for key in _OF_V5):
        return "v5"
    nested = (("relatedEntity", "entity"), ("relatedParty", "partyOrPartyRole"))
    if any(inner in item for key, inner in nested for item in listed(document.get(key))):
        return "v5"
    return "v4"


def unwrapped(document: Any) -> Any:
    """Return the ticket in an event's envelope; anything else as it is."""
    event = document.get("event") if isinstance(document, Mapping) else None
    inner = event.get("troubleTicket") if isinstance(event, Mapping) else None
    return document if inner is None else inner


def _id(document: Mapping[str, Any]) -> str:
    for key in ("id", "externalId"):
        found = text_of(document.get(key))
        if found is not None:
            return found
    for item in listed(document.get("externalIdentifier")):
        found = text_of(item.get("id"))
        if found is not None:
            return found
    return ""


def _related(value: Any, inner: str) -> list[Related]:
    found: list[Related] = []
    for item in listed(value):
        nested = item.get(inner)
        reference = nested if isinstance(nested, Mapping) else item
        role = text_of(item.get("role"))
        referred = reference.get("@referredType") or reference.get("@type")
        found.append(Related(text_of(reference.get("id")), role, text_of(referred), reference))
    return found


def _extras(document: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in document.items() if key not in _STANDARD}
    for key in ("characteristic", "troubleTicketCharacteristic"):
        for item in listed(document.get(key)):
            name = text_of(item.get("name"))
            if name is not None:
                found[name] = item.get("value")
    return found

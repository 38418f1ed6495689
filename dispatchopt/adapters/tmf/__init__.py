"""TM Forum Open APIs: trouble tickets in and patched back, work orders out, appointments.

Read tolerantly, as systems send them; written strictly, as the schemas ask: TMF621 Trouble Ticket
4.0.0 and 5.0.1, TMF646 Appointment 4.0.0, TMF697 Work Order 4.0.0. Documents are plain JSON values:
sending and receiving them is the caller's.
"""

from dispatchopt.adapters.tmf.appointments import (
    Appointment,
    appointment_from_tmf646,
    tmf646_appointment,
    tmf646_appointment_update,
    tmf646_appointments,
)
from dispatchopt.adapters.tmf.locate import locate_inline, locate_places
from dispatchopt.adapters.tmf.slots import (
    OfferedWindow,
    SlotSearch,
    slot_search_from_tmf646,
    tmf646_failed_search,
    tmf646_offers,
)
from dispatchopt.adapters.tmf.tickets import (
    TicketIntake,
    problem_from_tmf621,
    tickets_from_tmf621,
)
from dispatchopt.adapters.tmf.trouble_ticket import Related, TroubleTicket
from dispatchopt.adapters.tmf.updates import (
    Update,
    Updates,
    tmf621_messages,
    tmf621_updates,
)
from dispatchopt.adapters.tmf.work_orders import tmf697_work_order_update, tmf697_work_orders

__all__ = [
    "Appointment",
    "OfferedWindow",
    "Related",
    "SlotSearch",
    "TicketIntake",
    "TroubleTicket",
    "Update",
    "Updates",
    "appointment_from_tmf646",
    "locate_inline",
    "locate_places",
    "problem_from_tmf621",
    "slot_search_from_tmf646",
    "tickets_from_tmf621",
    "tmf621_messages",
    "tmf621_updates",
    "tmf646_appointment",
    "tmf646_appointment_update",
    "tmf646_appointments",
    "tmf646_failed_search",
    "tmf646_offers",
    "tmf697_work_order_update",
    "tmf697_work_orders",
]

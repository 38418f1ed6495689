"""Other open engines, each given the same day and set up as strongly as we could.

An adapter takes a `Day` and a `Clock` and returns ``{shift_id: (ticket ids in order)}``. It builds
its model on the clock, and looks up its package only when it is called. `solve` is the strongest
set-up found, `solve_plain` (where there is one) a single run as in the engine's documentation.
"""

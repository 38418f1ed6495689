"""Windows for customers: offers for one ticket, proposals for all that are planned."""

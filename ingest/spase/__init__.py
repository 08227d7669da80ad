"""From SPASE records to facts about datasets: reading in `document`, one table per question, `mapping` joins them."""

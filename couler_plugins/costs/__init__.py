"""What runs cost: core-hours, byte-hours, money and carbon, before they run."""

"""Values: frozen, slotted, without behaviour beyond themselves."""

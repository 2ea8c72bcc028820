"""Words for people: values in, lines or JSON out. Nothing here prints, asks or reads a clock."""

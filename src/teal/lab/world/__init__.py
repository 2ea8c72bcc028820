"""The reference model of ECS and ELBv2: commands, observations and a clock in; answers, wishes and events out."""

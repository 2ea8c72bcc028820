"""The simulation: planner, executor and AWS adapters against the lab's world, under virtual time and seeded faults.

timeline    virtual time; of several actors exactly one runs at any moment
cloud       the world, its tasks, its health, and a load balancer that takes up rules late
scenario    what a seed draws: the app, who does what and when, which faults
faults      what becomes of a call
strangers   what others do to the app: edits by hand, dying tasks
deployers   processes that run commands: they are slow, pause, and are killed
lock        one record in a store that fails, hearts that beat
checkers    what must hold at every call and every instant
epochs      what must hold where there is a lock
notes       what the checkers know of a run
recovery    what a person does when the faults have stopped
without     the laws with one safeguard taken away
story       everything that happened, in one order
runner      one seed, or many
"""

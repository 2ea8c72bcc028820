"""The configuration: from files, flags and the environment to a `Spec`, with every mistake named at once.

source        reads the files and the environment; everything else here is pure
parse         YAML text   ┐
parse_json    JSON text   ┴─► tree: nodes that know where they were written
overlay       `--set` and `--image`, onto the tree
interpolate   `${VAR}`, into the strings of the tree
schema        the types of the file; walk turns a tree into them, manual documents them
native        the two JSON files, as AWS spells them
check         what one key alone cannot know; build makes the `Spec`
"""

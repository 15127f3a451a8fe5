"""Pictures from a trained model: people × conditions, as a grid, a file, a folder or a data set.

Read in this order: `verb` (what a verb is, and the tables and sequences that all verbs make),
`repose` and `swap` (the verbs), `target_poses` and `pose_files` (the conditions of `repose`);
`jobs` (which pictures a folder gets, and their names), `folder` (writes them, and goes on where it
stopped); `pictures` (files ↔ pixels ↔ tensors). The flags of a verb stand in `cli/<verb>.py`.
"""

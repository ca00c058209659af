"""Methods, one file each: how a model is fitted. Services come with the `core.Job`, so a method knows no task."""

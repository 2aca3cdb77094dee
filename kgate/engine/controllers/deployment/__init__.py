"""pkg/controller/deployment: controller (what to do), rolling and recreate (how), sync (scale, revisions, status), progress (deadline)."""

"""Says how many pods may be evicted (pkg/controller/disruption)."""

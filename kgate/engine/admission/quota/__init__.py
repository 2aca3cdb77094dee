"""ResourceQuotas: what objects count for (`counts`, `pods`), and what is refused for it (`check`)."""

"""kube-scheduler in memory: which node takes a pod, why the others do not, in its own words and in its own order."""

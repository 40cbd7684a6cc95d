//! The local cluster: Kubernetes and the backends beside it, as processes of this machine.

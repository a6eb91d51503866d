// Package interop has no code: its tests run kubesd against the real kube-apiserver, with an etcd behind it, in processes of
// their own that are killed, cut off, compacted and started again, and have it judge the YAML of the documents. They need Linux,
// since all of it happens in a network namespace, whose addresses are the pods'. It is a module by itself, and
// only the step kube of .ci runs it: Kubernetes takes long to build.
package interop

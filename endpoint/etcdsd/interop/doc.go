// Package interop has no code: its tests run etcdsd against the real etcd, in processes of its
// own that are killed, cut off, emptied and started again. It is a module by itself so that
// nobody who requires etcdsd has etcd's server among his modules.
package interop

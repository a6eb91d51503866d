package etcdsd

// Packages that etcd's client needs are in google.golang.org/genproto as kit v0.13.0 requires it,
// and in modules of their own: "ambiguous import" for whoever requires kit and this module, and has his go.mod tidied. A
// newer genproto, which has them no more, is required for that alone; tidying keeps it for this import.
import _ "google.golang.org/genproto/googleapis/type/latlng"

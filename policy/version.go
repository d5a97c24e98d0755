package policy

// Version counts publications of a policy within one stage of a run: 0 is the
// policy that the stage started from, and step n (from 1) reads version n−1
// and publishes version n.
type Version int64

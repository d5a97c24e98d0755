package message

import (
	"fmt"
	"reflect"
)

// Body versions. Removing, renaming or re-typing a field raises one; adding a
// field does not. Each comment keeps the history of its kind.
const (
	groupRequestedVersion   = 1 // 1: first release
	groupCompletedVersion   = 1 // 1: first release
	groupCancelledVersion   = 1 // 1: first release
	groupVerifiedVersion    = 1 // 1: first release
	weightsRequestedVersion = 1 // 1: first release
	policyPublishedVersion  = 1 // 1: first release
	metricsReportedVersion  = 1 // 1: first release
	sampleReportedVersion   = 1 // 1: first release
	stageReportedVersion    = 1 // 1: first release
	nodeAnnouncedVersion    = 1 // 1: first release
	runAnnouncedVersion     = 1 // 1: first release
	runFinishedVersion      = 1 // 1: first release
	verifierFailedVersion   = 1 // 1: first release
)

var kinds = []kind{
	of[GroupRequested]("group", "requested", groupRequestedVersion),
	of[GroupCompleted]("group", "completed", groupCompletedVersion),
	of[GroupCancelled]("group", "cancelled", groupCancelledVersion),
	of[GroupVerified]("group", "verified", groupVerifiedVersion),
	of[WeightsRequested]("weights", "requested", weightsRequestedVersion),
	of[PolicyPublished]("policy", "published", policyPublishedVersion),
	of[MetricsReported]("metrics", "reported", metricsReportedVersion),
	of[SampleReported]("sample", "reported", sampleReportedVersion),
	of[StageReported]("stage", "reported", stageReportedVersion),
	of[NodeAnnounced]("node", "announced", nodeAnnouncedVersion),
	of[RunAnnounced]("run", "announced", runAnnouncedVersion),
	of[RunFinished]("run", "finished", runFinishedVersion),
	of[VerifierFailed]("verifier", "failed", verifierFailedVersion),
}

var kindsByName, kindsByType = index()

// kind is a type of message as the wire names it.
type kind struct {
	noun, verb string
	version    int
	body       reflect.Type
	decode     func(data []byte) (any, error)
}

func (k kind) name() string { return k.noun + "." + k.verb }

func of[T any](noun, verb string, version int) kind {
	return kind{noun, verb, version, reflect.TypeFor[T](), func(data []byte) (any, error) {
		var body T
		if err := unmarshal(data, &body); err != nil {
			return nil, err
		}
		return body, check(body)
	}}
}

func index() (map[string]kind, map[reflect.Type]kind) {
	byName, byType := map[string]kind{}, map[reflect.Type]kind{}
	for _, k := range kinds {
		byName[k.name()], byType[k.body] = k, k
	}
	return byName, byType
}

func kindOf(body any) kind {
	k, ok := kindsByType[reflect.TypeOf(body)]
	if !ok {
		panic(fmt.Sprintf("message: %T is not a message type; send the value, not a pointer", body))
	}
	return k
}

// Topic returns the noun and the verb that messages of body's type have in
// their subject, e.g. "group" and "requested". It panics like Encode.
func Topic(body any) (noun, verb string) {
	k := kindOf(body)
	return k.noun, k.verb
}

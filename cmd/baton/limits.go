package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/wire"
)

// limitFlags say how much a client may send, and how large a document may be.
type limitFlags struct {
	MaxFrame          int `default:"1048576" placeholder:"BYTES" help:"Largest frame a client may send; an op may have three quarters of it. (${default})"`
	MaxSessions       int `default:"${max_sessions}" placeholder:"N" help:"Connections in all; 0 is no limit. By default what the limit on open files leaves, less an eighth and at least 64 for all else. (${default})"`
	MaxIncomingBytes  int `default:"${max_incoming_bytes}" placeholder:"BYTES" help:"Memory for frames that have begun to come and are not whole, of all connections together; never less than four frames. (${default})"`
	MaxDocs           int `default:"${max_docs}" placeholder:"N" help:"Documents that one connection may be in. (${default})"`
	MaxParticipants   int `default:"${max_participants}" placeholder:"N" help:"Connections that may be in one document; 0 is no limit, here and below. (${default})"`
	MaxDocumentBytes  int `default:"${max_document_bytes}" placeholder:"BYTES" help:"What the ops of one document may hold. One that is full is read, and takes no op until it is pruned. (${default})"`
	MaxActors         int `default:"${max_actors}" placeholder:"N" help:"Actors that one subject may be in a document. Known ones always go on. (${default})"`
	MaxDocumentActors int `default:"${max_document_actors}" placeholder:"N" help:"Actors that a document may have. Known ones always go on. (${default})"`

	Throttle string `default:"auto" enum:"auto,on,off" help:"Whether what follows counts: on, off, or auto: on unless everyone on this machine, and nobody else, may enter without a token. (${default})"`

	FramesPerSecond     int           `default:"${frames}" placeholder:"N" help:"Frames of one connection, and requests of one subject. (${default})"`
	BytesPerSecond      int           `default:"${bytes}" placeholder:"N" help:"Bytes in frames of one connection. (${default})"`
	OpsPerSecond        int           `default:"${ops}" placeholder:"N" help:"Ops of one connection. (${default})"`
	PresencePerSecond   int           `default:"${presence}" placeholder:"N" help:"Presence frames of one connection. (${default})"`
	EventsPerSecond     int           `default:"${events}" placeholder:"N" help:"Events of one connection. (${default})"`
	JoinsPerSecond      int           `default:"${joins}" placeholder:"N" help:"Joins, and new tokens, of one connection. (${default})"`
	RefusalsPerSecond   int           `default:"${refusals}" placeholder:"N" help:"Refused frames of one connection; whoever has more is sent away (4429). (${default})"`
	Burst               time.Duration `default:"10s" help:"For how long one may send at once after a pause: whole seconds, at most 60s. (${default})"`
	SubjectFactor       int           `default:"${factor}" placeholder:"N" help:"How many times as much all connections of a subject may send together; without a subject, of an address. (${default})"`
	SubjectConnections  int           `default:"${subject_connections}" placeholder:"N" help:"Connections of one subject. (${default})"`
	AddressConnections  int           `default:"${address_connections}" placeholder:"N" help:"Connections of one address; of IPv6, of 64 bits. (${default})"`
	HandshakesPerSecond int           `default:"${handshakes}" placeholder:"N" help:"Connections that one address may begin, and wrong tokens it may try. (${default})"`

	TrustedProxy []network `placeholder:"CIDR" help:"Address or network of proxies, such as 127.0.0.1 or 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Host count; may be given again. Without it all that comes through a proxy is one address."`
}

// network is a network as people write it: a single address is one too.
type network struct{ netip.Prefix }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *network) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		n.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is no address and no network such as 10.0.0.0/8", text)
	}
	n.Prefix = p
	return nil
}

// limitDefaults are the relay's own, for the tags above.
func limitDefaults() map[string]string {
	d := relay.Defaults()
	vars := map[string]string{"max_sessions": "0"}
	if files, known := fileLimit(); known {
		vars["max_sessions"] = fmt.Sprint(sessionsFor(files))
	}
	for name, n := range map[string]int{
		"max_incoming_bytes": relay.DefaultIncomingBytes,
		"max_docs":           d.Docs, "max_participants": d.Participants, "max_document_bytes": d.DocBytes,
		"max_actors": d.Actors, "max_document_actors": d.DocActors,
		"frames": d.FramesPerS, "bytes": d.BytesPerS, "ops": d.OpsPerS, "presence": d.PresencePerS, "events": d.EventsPerS,
		"joins": d.JoinsPerS, "refusals": d.RefusalsPerS, "factor": d.SubjectFactor,
		"subject_connections": d.SubjectConnections, "address_connections": d.AddressConnections, "handshakes": d.HandshakesPerS,
	} {
		vars[name] = fmt.Sprint(n)
	}
	return vars
}

// sessionsFor returns how many sessions there may be where so many files may be
// open: each session is one. The rest is for the log, other requests and those that
// nobody knows yet. 0 is no limit.
func sessionsFor(files uint64) uint64 {
	if files > math.MaxInt32 {
		return 0
	}
	reserve := max(files/8, ownFiles)
	return max(files, reserve+1) - reserve
}

func (f *limitFlags) validate() error {
	switch {
	case f.MaxSessions < 0:
		return errors.New("--max-sessions must not be negative; 0 is no limit")
	case f.MaxFrame < 4<<10 || f.MaxFrame > 64<<20:
		return errors.New("--max-frame must be from 4096 to 67108864 bytes")
	case f.MaxDocs < 1:
		return errors.New("--max-docs must be at least 1")
	case f.Burst < time.Second || f.Burst > time.Minute || f.Burst%time.Second != 0:
		return errors.New("--burst must be whole seconds, from 1s to 60s")
	case f.SubjectFactor < 1:
		return errors.New("--subject-factor must be at least 1")
	}
	return nil
}

// apply sets the limits; open says that everyone on this machine may enter, and
// nobody else.
func (f *limitFlags) apply(cfg *relay.Config, open bool) {
	cfg.Limits = wire.Limits{
		FrameBytes: f.MaxFrame, Docs: f.MaxDocs,
		Participants: orNone(f.MaxParticipants), DocBytes: orNone(f.MaxDocumentBytes),
		Actors: orNone(f.MaxActors), DocActors: orNone(f.MaxDocumentActors),
		FramesPerS: orNone(f.FramesPerSecond), BytesPerS: orNone(f.BytesPerSecond), OpsPerS: orNone(f.OpsPerSecond),
		PresencePerS: orNone(f.PresencePerSecond), EventsPerS: orNone(f.EventsPerSecond),
		JoinsPerS: orNone(f.JoinsPerSecond), RefusalsPerS: orNone(f.RefusalsPerSecond),
		BurstS: int(f.Burst / time.Second), SubjectFactor: f.SubjectFactor,
		SubjectConnections: orNone(f.SubjectConnections), AddressConnections: orNone(f.AddressConnections),
		HandshakesPerS: orNone(f.HandshakesPerSecond),
	}
	cfg.MaxSessions = f.MaxSessions
	cfg.IncomingBytes = f.MaxIncomingBytes
	cfg.Throttle = f.Throttle == "on" || f.Throttle == "auto" && !open
	for _, n := range f.TrustedProxy {
		cfg.TrustedProxies = append(cfg.TrustedProxies, n.Prefix)
	}
}

// orNone is a limit as the relay takes it, where 0 is its default.
func orNone(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

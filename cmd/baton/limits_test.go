package main

import "testing"

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "127.0.0.1": "127.0.0.1/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "10.0.0.1/32", "": "", "10.0.0.0/33": "", "proxy.example": "", "10.0.0.1:80": "", "10.0.0.0/8,": "",
	} {
		var n network
		err := n.UnmarshalText([]byte(text))
		if got := n.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %s, %v, want %q", text, got, err, want)
		}
	}
}

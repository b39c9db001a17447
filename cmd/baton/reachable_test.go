package main

import (
	"net"
	"slices"
	"strings"
	"testing"
)

func TestReachableAt(t *testing.T) {
	home := []string{"127.0.0.1", "192.168.0.7", "fe80::1", "2001:db8::7", "10.8.0.2"}
	v6Only := []string{"::1", "fe80::1", "2001:db8::7"}
	for _, test := range []struct {
		name, listen string
		machine      []string
		want         []string
	}{
		{"loopback", "127.0.0.1", home, nil},
		{"another loopback", "127.3.2.1", home, nil},
		{"loopback of IPv6", "::1", home, nil},
		{"one address", "192.168.0.7", home, []string{"http://192.168.0.7:8080"}},
		{"one address of IPv6", "2001:db8::7", home, []string{"http://[2001:db8::7]:8080"}},
		{"one that no link can name", "fe80::1", home, nil},
		{"all", "::", home, []string{"http://192.168.0.7:8080", "http://10.8.0.2:8080"}},
		{"all of IPv4", "0.0.0.0", home, []string{"http://192.168.0.7:8080", "http://10.8.0.2:8080"}},
		{"all, and there is only IPv6", "::", v6Only, []string{"http://[2001:db8::7]:8080"}},
		{"all of IPv4, and there is only IPv6", "0.0.0.0", v6Only, nil},
		{"no network", "::", []string{"127.0.0.1", "::1"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var machine []net.IP
			for _, ip := range test.machine {
				machine = append(machine, net.ParseIP(ip))
			}
			got := reachableAt(&net.TCPAddr{IP: net.ParseIP(test.listen), Port: 8080}, machine)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestReachable asks this machine, of which nothing but loopback is sure.
func TestReachable(t *testing.T) {
	if got := reachable(&net.UnixAddr{Name: "socket"}); got != nil {
		t.Errorf("a socket that is no port is at %q", got)
	}
	for _, url := range reachable(&net.TCPAddr{IP: net.IPv6unspecified, Port: 8080}) {
		if !strings.HasPrefix(url, "http://") || !strings.HasSuffix(url, ":8080") || strings.Contains(url, "127.0.0.1") {
			t.Errorf("got %q", url)
		}
	}
	if !slices.ContainsFunc(machineIPs(), net.IP.IsLoopback) {
		t.Error("this machine seems to have no addresses at all")
	}
}

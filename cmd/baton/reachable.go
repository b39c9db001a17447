package main

import (
	"net"
	"strconv"
)

// reachable returns where other machines find what listens on addr, such as
// http://192.168.0.7:8080; nothing if only this machine does.
func reachable(addr net.Addr) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return nil
	}
	return reachableAt(tcp, machineIPs())
}

// reachableAt is that of a machine with these addresses. Those of IPv6 are told
// only where there are no others: they are long, and each machine has several.
func reachableAt(listen *net.TCPAddr, machine []net.IP) []string {
	switch {
	case listen.IP.IsLoopback():
		return nil
	case !listen.IP.IsUnspecified():
		machine = []net.IP{listen.IP}
	}
	var v4, v6 []string
	for _, ip := range machine {
		url := "http://" + net.JoinHostPort(ip.String(), strconv.Itoa(listen.Port))
		switch {
		case !ip.IsGlobalUnicast():
		case ip.To4() != nil:
			v4 = append(v4, url)
		case listen.IP.To4() == nil:
			v6 = append(v6, url)
		}
	}
	if len(v4) > 0 {
		return v4
	}
	return v6
}

// machineIPs returns the addresses of all interfaces that are in use: a bridge
// for containers is none while there are no containers.
func machineIPs() []net.IP {
	var ips []net.IP
	interfaces, _ := net.Interfaces() // without them there is nothing to say
	for _, i := range interfaces {
		if i.Flags&net.FlagRunning == 0 {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if ipnet, ok := a.(*net.IPNet); ok {
				ips = append(ips, ipnet.IP)
			}
		}
	}
	return ips
}

package main

import (
	"net"
	"strconv"
)

// reachable returns where other machines find what listens on addr, such as
// http://192.168.0.7:8080; nothing if only this machine does.
func reachable(addr net.Addr) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return nil
	}
	var urls []string
	add := func(ip net.IP) {
		urls = append(urls, "http://"+net.JoinHostPort(ip.String(), strconv.Itoa(tcp.Port)))
	}
	if !tcp.IP.IsUnspecified() {
		add(tcp.IP)
		return urls
	}
	interfaces, _ := net.InterfaceAddrs() // without them there is nothing to say
	for _, a := range interfaces {
		if ipnet, ok := a.(*net.IPNet); ok && ipnet.IP.IsGlobalUnicast() && ipnet.IP.To4() != nil {
			add(ipnet.IP)
		}
	}
	return urls
}

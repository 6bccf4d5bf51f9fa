package com.acme;

public class Hello extends HttpServlet {}

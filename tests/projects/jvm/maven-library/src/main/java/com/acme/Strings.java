package com.acme;

public class Strings {}

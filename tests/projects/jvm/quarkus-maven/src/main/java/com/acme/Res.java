package com.acme;

public class Res {}

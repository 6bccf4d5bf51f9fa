Module Module1
  Sub Main()
  End Sub
End Module

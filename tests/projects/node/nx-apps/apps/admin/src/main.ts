import { bootstrapApplication } from '@angular/platform-browser';
bootstrapApplication(class Admin {});

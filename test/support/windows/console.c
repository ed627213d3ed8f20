/*
 * console.exe OUTPUT WISH PROGRAM ARGUMENTS...
 * Starts a program in a console of its own, with its output in a file. As soon as a file WISH is there, what its first letter says
 * happens to the program: c: Ctrl+C is pressed, k: it is killed. Ends with the program's exit status.
 */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static BOOL WINAPI ignore(DWORD event) { return TRUE; }

int main(int count, char **arguments) {
  FreeConsole();
  AllocConsole();
  SetConsoleCtrlHandler(ignore, TRUE);

  static char line[32768];
  for (int i = 3; i < count; i++) {
    if (i > 3) strcat(line, " ");
    strcat(line, "\"");
    strcat(line, arguments[i]);
    strcat(line, "\"");
  }

  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  HANDLE output = CreateFileA(arguments[1], GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inherited,
                              CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  HANDLE input = CreateFileA("NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited, OPEN_EXISTING, 0, NULL);
  STARTUPINFOA how = {sizeof how};
  how.dwFlags = STARTF_USESTDHANDLES;
  how.hStdInput = input;
  how.hStdOutput = how.hStdError = output;
  PROCESS_INFORMATION program;
  if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &program)) return 250;

  for (;;) {
    if (WaitForSingleObject(program.hProcess, 50) == WAIT_OBJECT_0) break;
    FILE *wish = fopen(arguments[2], "r");
    if (wish == NULL) continue;
    int what = fgetc(wish);
    fclose(wish);
    if (what == EOF) continue;
    DeleteFileA(arguments[2]);
    if (what == 'k') TerminateProcess(program.hProcess, 252);
    else GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
  }
  DWORD status = 251;
  GetExitCodeProcess(program.hProcess, &status);
  return (int)status;
}

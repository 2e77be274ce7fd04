import { describe, expect, it } from 'vitest';
import { plainName, savedName } from './file-name';

describe('file names', () => {
  it('are reduced to one path component without invisible characters', () => {
    expect(plainName('report.pdf')).toBe('report.pdf');
    expect(plainName('Übung [2].txt')).toBe('Übung [2].txt');
    expect(plainName('../../etc/passwd')).toBe('passwd');
    expect(plainName('C:\\windows\\x.exe')).toBe('x.exe');
    expect(plainName('exe\u202etxt.scr')).toBe('exetxt.scr');
    expect(plainName('a\n\u0000b.txt')).toBe('ab.txt');
    for (const nothing of ['', '..', '/', ' ', '\u202e']) {
      expect(plainName(nothing)).toBe('file');
    }
  });

  it('do not hide saved files', () => {
    expect(savedName('report.pdf')).toBe('report.pdf');
    expect(savedName('.._.._.bashrc')).toBe('_.._.bashrc');
    expect(savedName('../../.bashrc')).toBe('bashrc');
    expect(savedName('...')).toBe('file');
  });
});

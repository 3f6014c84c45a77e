import { lowDiskBytes } from '../../../shared/protocol.ts';
import { size } from '../text.ts';
import { quoted, type Check } from './finding.ts';
import { existing } from './patient.ts';

/** Free space where the data lies. */
export const disk: Check = ({ own, freeBytes }) => {
  if (freeBytes > lowDiskBytes * 5) return [];
  const full = freeBytes < lowDiskBytes;
  return [
    {
      level: full ? 'problem' : 'warning',
      what: `${size(freeBytes)} are free where the data lies.`,
      why: full
        ? 'Writes are refused soon. Nothing that was acknowledged is lost.'
        : 'The write-ahead log needs room, too.',
      fix: `df -h ${quoted(existing(own.data))}`,
    },
  ];
};
